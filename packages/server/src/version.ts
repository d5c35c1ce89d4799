// Which etcd we are, in the one place that says so. Clients choose what they ask by these texts.

/** The server version that /version, Status and the logs report. */
export const serverVersion = '3.6.0';
export const clusterVersion = '3.6.0';
export const storageVersion = '3.6.0';
/** As the start-up lines name it. */
export const clusterVersionShort = '3.6';
/** Kontiki's own. */
export const kontikiVersion = '0.1.0';
