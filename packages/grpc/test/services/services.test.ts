import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Call, Method, RequestListener, ResponseStream, Service } from '../../src/calls/handler.ts';
import { Health, RpcError, reflectionServices } from '../../src/index.ts';
import { bytesField, numberField, readFields } from '../../src/services/wire-format.ts';

// These services ask nothing of their call.
const call = {} as Call;

function methodOf({ methods }: Service, name: string): Method {
  const method = methods[name];
  assert.ok(method);
  return method;
}

function open(method: Method): { readonly listener: RequestListener; readonly written: Uint8Array[]; drain(): void } {
  assert.notEqual(method.kind, 'unary');
  const written: Uint8Array[] = [];
  let drain: () => void = () => undefined;
  const responses: ResponseStream = {
    write: (message) => written.push(message) < 2,
    onDrain: (listener) => {
      drain = listener;
    },
    end: () => undefined,
    fail: () => undefined,
  };
  if (method.kind === 'unary') throw new Error('unreachable');
  return { listener: method.open(call, responses), written, drain: () => drain() };
}

const check = async (health: Health, request: Uint8Array): Promise<string> => {
  const method = methodOf(health.service, 'Check');
  const answer = method.kind === 'unary' ? await method.handle(request, call) : [];
  return Buffer.concat(answer instanceof Uint8Array ? [answer] : answer).toString('hex');
};

test('health: a service is what was said of it last, and NOT_FOUND if nothing was', async () => {
  const health = new Health();
  health.set('a.B', 'serving');
  health.set('a.B', 'notServing');

  assert.equal(await check(health, Buffer.alloc(0)), '0801');
  assert.equal(await check(health, bytesField(1, 'a.B')), '0802');
  await assert.rejects(check(health, bytesField(1, 'no')), (error) => error instanceof RpcError && error.code === 5);
  for (const bad of [Buffer.from([0x0a, 9]), bytesField(1, 'a'.repeat(1025))]) {
    await assert.rejects(check(health, bad), (error) => error instanceof RpcError && error.code === 3);
  }
});

test('health: watchers hear of changes, slow ones of the last, and of none once they are gone', async () => {
  const health = new Health();
  const { listener, written, drain } = open(methodOf(health.service, 'Watch'));

  await listener.message(bytesField(1, 'a.B'));
  health.set('a.B', 'serving');
  health.set('a.B', 'notServing');
  drain();
  listener.closed();
  health.set('a.B', 'serving');

  assert.deepEqual(
    written.map((bytes) => Buffer.from(bytes).toString('hex')),
    ['0803', '0801', '0802'],
  );
});

const file = (name: string, ...rest: readonly Buffer[]): Buffer => Buffer.concat([bytesField(1, name), ...rest]);
const base = file('base.proto', bytesField(2, 'base'), bytesField(4, bytesField(1, 'Thing')));
const user = file(
  'user.proto',
  bytesField(2, 'user'),
  bytesField(3, 'base.proto'),
  bytesField(
    4,
    Buffer.concat([bytesField(1, 'Outer'), bytesField(3, bytesField(1, 'Inner')), numberField(9, 2 ** 40)]),
  ),
  bytesField(6, Buffer.concat([bytesField(1, 'Users'), bytesField(2, bytesField(1, 'Get'))])),
  // Extensions of base.Thing, one at the top and one within a message.
  bytesField(7, Buffer.concat([bytesField(1, 'extra'), bytesField(2, '.base.Thing'), numberField(3, 50_000)])),
  bytesField(
    4,
    Buffer.concat([
      bytesField(1, 'Scope'),
      bytesField(6, Buffer.concat([bytesField(1, 'more'), bytesField(2, '.base.Thing'), numberField(3, 1001)])),
    ]),
  ),
);

async function ask(request: Buffer): Promise<{ readonly kind: number | undefined; readonly body: Buffer }> {
  const [service] = reflectionServices([base, user], ['user.Users']);
  assert.ok(service);
  const { listener, written } = open(methodOf(service, 'ServerReflectionInfo'));
  await listener.message(request);
  const [original, answer] = [...readFields(written[0] ?? Buffer.alloc(0))];
  assert.ok(original?.bytes.equals(request));
  return { kind: answer?.number, body: answer?.bytes ?? Buffer.alloc(0) };
}
const texts = (message: Buffer): readonly string[] =>
  [...readFields(message)].map(({ bytes }) => bytes.toString('latin1'));

test('reflection: a symbol of any depth leads to its file and what that needs', async () => {
  for (const symbol of [
    'user.Outer',
    'user.Outer.Inner',
    'user.Users',
    'user.Users.Get',
    'user.extra',
    'user.Scope.more',
  ]) {
    const { kind, body } = await ask(bytesField(4, symbol));

    assert.equal(kind, 4, symbol);
    assert.deepEqual(texts(body), [user.toString('latin1'), base.toString('latin1')]);
  }
});

test('reflection: files by name, services by list, and NOT_FOUND for the rest', async () => {
  assert.deepEqual(texts((await ask(bytesField(3, 'base.proto'))).body), [base.toString('latin1')]);
  assert.deepEqual(
    texts((await ask(bytesField(7, ''))).body).map((inner) => texts(Buffer.from(inner, 'latin1'))[0]),
    ['user.Users', 'grpc.reflection.v1.ServerReflection', 'grpc.reflection.v1alpha.ServerReflection'],
  );
  for (const request of [bytesField(3, 'x'), bytesField(4, 'user.No')]) assert.equal(await codeOf(request), 5n);
});

test('reflection: extensions by number, and the numbers of a type', async () => {
  const extension = (type: string, number: number): Buffer =>
    bytesField(5, Buffer.concat([bytesField(1, type), numberField(2, number)]));

  for (const number of [1001, 50_000]) {
    const { kind, body } = await ask(extension('base.Thing', number));

    assert.equal(kind, 4);
    assert.equal(texts(body)[0], user.toString('latin1'));
  }
  const { kind, body } = await ask(bytesField(6, 'base.Thing'));
  assert.equal(kind, 5);
  assert.deepEqual(
    [...readFields(body)].map(({ number, bytes, value }) => (number === 1 ? bytes.toString() : value)),
    ['base.Thing', 1001n, 50_000n],
  );
  // A type without any has none; one that is not known is not found.
  assert.deepEqual(texts((await ask(bytesField(6, 'user.Outer'))).body), ['user.Outer']);
  for (const request of [extension('base.Thing', 3), extension('no.Thing', 1001), bytesField(6, 'no.Thing')]) {
    assert.equal(await codeOf(request), 5n);
  }
});

test('reflection: of several questions the last counts, and none is INVALID_ARGUMENT', async () => {
  const both = Buffer.concat([bytesField(3, 'x'), bytesField(3, 'base.proto')]);
  assert.deepEqual(texts((await ask(both)).body), [base.toString('latin1')]);
  assert.equal(await codeOf(Buffer.alloc(0)), 3n);
  assert.equal(await codeOf(bytesField(9, 'x')), 3n);
  await assert.rejects(
    async () => ask(Buffer.from([0x1a, 9])),
    (error) => error instanceof RpcError && error.code === 3,
  );
});

/** Of an error response. */
async function codeOf(request: Buffer): Promise<bigint | undefined> {
  const { kind, body } = await ask(request);
  assert.equal(kind, 7);
  return [...readFields(body)][0]?.value;
}
