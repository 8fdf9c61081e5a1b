import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  mkdirSync
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const EXTENSION = join(__dirname, '..', '..');

function check(folder: string): void {
  execFileSync(process.execPath, ['types.build.mjs', '--check'], { cwd: folder, stdio: 'pipe' });
}

describe('types.generated.ts', () => {
  it('is what make types writes from openapi.json', () => {
    expect(() => check(EXTENSION)).not.toThrow();
  }, 60_000);

  it('is found to be old when the description has a new field', () => {
    const folder = mkdtempSync(join(tmpdir(), 'types-'));
    try {
      mkdirSync(join(folder, 'src', 'api'), { recursive: true });
      for (const name of ['types.build.mjs', '.prettierrc', 'src/api/types.generated.ts']) {
        copyFileSync(join(EXTENSION, name), join(folder, name));
      }
      symlinkSync(join(EXTENSION, 'node_modules'), join(folder, 'node_modules'));
      const document = JSON.parse(readFileSync(join(EXTENSION, 'openapi.json'), 'utf8'));
      writeFileSync(join(folder, 'openapi.json'), JSON.stringify(document));
      expect(() => check(folder)).not.toThrow();
      document.components.schemas.RunInfo.properties.added = { type: 'string' };
      writeFileSync(join(folder, 'openapi.json'), JSON.stringify(document));
      expect(() => check(folder)).toThrow('is not current; run: make types');
    } finally {
      rmSync(folder, { recursive: true });
    }
  }, 60_000);
});
