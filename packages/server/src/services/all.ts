// Every service of the client port.

import { Auth } from '@kontiki/etcd-proto';
import type { Service } from '@kontiki/grpc';
import { clusterService } from './cluster.ts';
import type { ServiceContext } from './context.ts';
import { healthService, type ServingState } from './health.ts';
import { kvService } from './kv.ts';
import { leaseService } from './lease.ts';
import { maintenanceService } from './maintenance.ts';
import { serviceOf } from './method.ts';
import { watchService } from './watch.ts';

export function etcdServices(context: ServiceContext, serving: ServingState): readonly Service[] {
  return [
    kvService(context),
    watchService(context),
    leaseService(context),
    clusterService(context),
    maintenanceService(context),
    serviceOf(Auth, {}),
    healthService(serving),
  ];
}
