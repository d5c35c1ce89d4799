import { without } from './programs.ts';
import { createPython } from './python.ts';
import { suite } from './suite.ts';

suite('python3-grpcio', createPython, without('python3-grpcio'));
