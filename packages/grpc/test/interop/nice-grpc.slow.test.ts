import { createNiceGrpc } from './nice-grpc.ts';
import { suite } from './suite.ts';

suite('nice-grpc', createNiceGrpc);
