// How a member's process ends, for whoever started it.

/** It stopped itself since it must not go on: nobody should start it again before somebody has looked. */
export const failStopCode = 70;
