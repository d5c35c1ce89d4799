/**
 * The programs of other people that some tests run beside ours: etcd, etcdctl, h2load. They are wanted at test time
 * only. Without one its tests are skipped with the reason; `KONTIKI_REQUIRE=etcd,etcdctl` turns the skip into a failure,
 * so that a machine which is meant to have them cannot lose them unnoticed.
 */

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

export type PartName = 'etcd' | 'etcdctl' | 'h2load';

export type Part =
  | { readonly kind: 'found'; readonly path: string }
  | { readonly kind: 'absent'; readonly reason: string };

const debianPackages: Readonly<Record<PartName, string>> = {
  etcd: 'etcd-server',
  etcdctl: 'etcd-client',
  h2load: 'nghttp2-client',
};

/** Where the program is, or why a test without it is skipped. Throws if `KONTIKI_REQUIRE` names it and it is not there. */
export function requirePart(name: PartName): Part {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    if (folder === '') continue;
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return { kind: 'found', path };
    } catch {
      // Not in this folder.
    }
  }
  const reason = `${name} is not installed (Debian: apt-get install ${debianPackages[name]})`;
  const required = (process.env.KONTIKI_REQUIRE ?? '').split(',').map((word) => word.trim());
  if (required.includes(name)) throw new Error(`KONTIKI_REQUIRE asks for ${name}, but ${reason}`);
  return { kind: 'absent', reason };
}
