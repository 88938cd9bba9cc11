import { fuzzInTests } from './fuzz-in-tests.js'

fuzzInTests('schema', 'registry', 'arguments', 'opt-out-list', 'expression')
