// @connectrpc/connect-node as a gRPC client, which stands on node:http2.

import { createConnect } from './connect.ts';
import { suite } from './suite.ts';

suite('connect-node', createConnect);
