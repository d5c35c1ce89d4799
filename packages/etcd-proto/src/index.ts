/**
 * etcd's v3 wire format: messages, their schemas and the service descriptors, generated from the `.proto` files
 * beside this folder by `npx buf generate`. Knows the format only, nothing of what an RPC does.
 */

export * from './gen/authpb/auth_pb.ts';
export * from './gen/etcdserverpb/auth_pb.ts';
export * from './gen/etcdserverpb/cluster_pb.ts';
export * from './gen/etcdserverpb/header_pb.ts';
export * from './gen/etcdserverpb/kv_pb.ts';
export * from './gen/etcdserverpb/lease_pb.ts';
export * from './gen/etcdserverpb/maintenance_pb.ts';
export * from './gen/etcdserverpb/watch_pb.ts';
export * from './gen/grpc/health/v1/health_pb.ts';
export * from './gen/mvccpb/kv_pb.ts';
