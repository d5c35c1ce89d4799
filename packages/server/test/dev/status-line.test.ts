import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isReady, type MemberState, type SeenMember, statusLine } from '../../src/dev/status-line.ts';
import { Terminal } from '../../src/dev/terminal.ts';

const follower: MemberState = { leads: false, knowsLeader: true, term: 2n, commit: 10n, applied: 10n };
const leader: MemberState = { ...follower, leads: true };
const lost: MemberState = { ...follower, knowsLeader: false };

function seen(...states: readonly (MemberState | undefined)[]): readonly SeenMember[] {
  return states.map((state, i) => ({ name: `n${i + 1}`, state }));
}

describe('the status line', () => {
  const rows: readonly (readonly [claim: string, members: readonly SeenMember[], text: string])[] = [
    ['names leader, term, commit and lag', seen(follower, leader), 'leader n2, term 2, commit 10; n1 lag 0'],
    ['says who is down', seen(leader, undefined), 'leader n1, term 2, commit 10; n2 down'],
    [
      'counts lag in entries that are not applied yet',
      seen(leader, { ...follower, commit: 8n, applied: 7n }),
      'leader n1, term 2, commit 10; n2 lag 3',
    ],
    [
      'a follower that was asked later is not behind',
      seen({ ...leader, commit: 8n }, follower),
      'leader n1, term 2, commit 8; n2 lag 0',
    ],
    ['says that nobody leads', seen(lost, undefined), 'no leader; n1 lag 0, n2 down'],
    ['one member has no others', seen(leader), 'leader n1, term 2, commit 10'],
    [
      'of two that say they lead, the one of the higher term does',
      seen({ ...leader, term: 3n }, leader),
      'leader n1, term 3, commit 10; n2 lag 0',
    ],
  ];
  for (const [claim, members, text] of rows) {
    it(claim, () => assert.equal(statusLine(members).text, text));
  }

  it('progress is no news; an election, a member down and a member far behind are', () => {
    const { news } = statusLine(seen(leader, follower));

    const further = { commit: 90n, applied: 89n };
    assert.equal(statusLine(seen({ ...leader, ...further }, { ...follower, ...further })).news, news);
    assert.notEqual(statusLine(seen({ ...leader, term: 3n }, follower)).news, news);
    assert.notEqual(statusLine(seen(follower, leader)).news, news);
    assert.notEqual(statusLine(seen(leader, undefined)).news, news);
    assert.notEqual(statusLine(seen({ ...leader, commit: 5000n }, follower)).news, news);
  });
});

describe('ready', () => {
  const nobody = (): boolean => false;
  const rows: readonly (readonly [claim: string, members: readonly SeenMember[], expected: boolean])[] = [
    ['when one leads and all know it', seen(follower, leader, follower), true],
    ['not while one is down', seen(undefined, leader, follower), false],
    ['not while one knows no leader', seen(lost, leader, follower), false],
    ['not while nobody leads', seen(follower, follower), false],
  ];
  for (const [claim, members, expected] of rows) {
    it(claim, () => assert.equal(isReady(members, nobody), expected));
  }

  it('does not wait for a member that stays down', () => {
    assert.equal(
      isReady(seen(undefined, leader, follower), (name) => name === 'n1'),
      true,
    );
  });
});

class Screen {
  readonly isTTY: boolean;
  readonly columns = 20;
  text = '';

  constructor(isTTY: boolean) {
    this.isTTY = isTTY;
  }

  write(text: string): void {
    this.text += text;
  }
}

describe('the terminal', () => {
  it('redraws the status in place, below what is said', () => {
    const screen = new Screen(true);
    const terminal = new Terminal(screen);

    terminal.status({ text: 'commit 1', news: '' }, 0);
    terminal.status({ text: 'commit 1', news: '' }, 1);
    terminal.status({ text: 'commit 2', news: '' }, 2);
    terminal.say('n1 ended');
    terminal.leaveStatus();
    terminal.say('bye');

    const clear = '\r\x1b[K';
    assert.equal(screen.text, `${clear}commit 1${clear}commit 2${clear}n1 ended\ncommit 2\nbye\n`);
  });

  it('cuts a status that would wrap', () => {
    const screen = new Screen(true);

    new Terminal(screen).status({ text: 'x'.repeat(30), news: '' }, 0);

    assert.equal(screen.text, `\r\x1b[K${'x'.repeat(19)}`);
  });

  it('writes lines into a file only for news, and every half minute if there is anything new', () => {
    const screen = new Screen(false);
    const terminal = new Terminal(screen);

    terminal.status({ text: 'one 1', news: 'one' }, 0);
    terminal.status({ text: 'one 2', news: 'one' }, 1_000);
    terminal.status({ text: 'two 3', news: 'two' }, 2_000);
    terminal.status({ text: 'two 4', news: 'two' }, 31_999);
    terminal.status({ text: 'two 5', news: 'two' }, 32_000);
    terminal.status({ text: 'two 5', news: 'two' }, 90_000);

    assert.equal(screen.text, 'one 1\ntwo 3\ntwo 5\n');
  });
});
