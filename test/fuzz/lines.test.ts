import { fuzzInTests } from './fuzz-in-tests.js'

fuzzInTests('line-format', 'capsule', 'user-agent', 'json', 'merge-lines')
