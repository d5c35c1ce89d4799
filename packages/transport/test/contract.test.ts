import { test } from 'node:test';
import type { NodeId } from '@kontiki/raft';
import { transportSuite } from '@kontiki/raft/contracts';
import { VirtualTime } from '@kontiki/raft/memory';
import { encodeUtf8, MemoryIncarnations, MemoryNetwork, PeerTransport } from '../src/index.ts';

transportSuite({
  test,
  create: () => {
    const time = new VirtualTime();
    const network = new MemoryNetwork(time);
    const member = (name: string): PeerTransport =>
      new PeerTransport({
        identity: { cluster: 'c', id: name as NodeId, boot: 1, incarnation: name },
        network: network.at(name),
        ticker: time.ticker(),
        incarnations: new MemoryIncarnations((task) => time.defer(task)),
        log: () => {},
      });
    const [a, b] = [member('a'), member('b')];
    return {
      a,
      b,
      introduce: () => {
        a.setPeers([{ id: 'b' as NodeId, address: encodeUtf8('b') }]);
        b.setPeers([{ id: 'a' as NodeId, address: encodeUtf8('a') }]);
      },
      drive: () => time.advance(1),
      dispose: () => {},
    };
  },
});
