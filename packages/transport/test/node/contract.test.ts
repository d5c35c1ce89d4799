import { test } from 'node:test';
import type { NodeId } from '@kontiki/raft';
import { tickerSuite, transportSuite } from '@kontiki/raft/contracts';
import { MemoryIncarnations, PeerTransport } from '../../src/index.ts';
import { NodeTicker, nativeCrc32, TcpNetwork } from '../../src/node/index.ts';

function drive(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

tickerSuite({ test, create: () => ({ ticker: new NodeTicker(1), drive, dispose: () => {} }) });

transportSuite({
  test,
  create: async () => {
    const ticker = new NodeTicker(1);
    const member = async (name: string) => {
      const network = await TcpNetwork.bind({ host: '127.0.0.1', port: 0 });
      const transport = new PeerTransport({
        identity: { cluster: 'c', id: name as NodeId, boot: 1, incarnation: name },
        network,
        ticker,
        incarnations: new MemoryIncarnations((task) => ticker.defer(task)),
        log: () => {},
        checksum: nativeCrc32,
      });
      return { transport, peer: { id: name as NodeId, address: network.address } };
    };
    const [a, b] = [await member('a'), await member('b')];
    return {
      a: a.transport,
      b: b.transport,
      introduce: () => {
        a.transport.setPeers([b.peer]);
        b.transport.setPeers([a.peer]);
      },
      drive,
      dispose: () => {
        a.transport.stop(() => {});
        b.transport.stop(() => {});
      },
    };
  },
});
