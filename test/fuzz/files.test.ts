import { fuzzInTests } from './fuzz-in-tests.js'

fuzzInTests('schema', 'pattern', 'registry', 'arguments', 'opt-out-list', 'expression')
