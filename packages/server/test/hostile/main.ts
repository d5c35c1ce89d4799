// npm run hostile -- --target server [--seconds 5] [--connections 20] [--only WORD]
// The hostile clients against a whole server of etcd's API, under the settings that `kontiki server` has.

import { printTable } from '../../../grpc/test/hostile/table.ts';
import { attacks } from './attacks.ts';
import { etcdTarget } from './target.ts';

process.exit((await printTable(etcdTarget, attacks)) ? 0 : 1);
