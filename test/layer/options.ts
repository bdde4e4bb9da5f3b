/**
 * `--layer` texts: a wrong one is an error, because an error layer that injects nothing makes a test pass.
 */
import t from 'tap'
import { parseLayer } from '../../src/layer/registry.js'
import { silentLogger } from '../../src/log.js'

const context = { logger: silentLogger }

t.test('right ones are read', (t) => {
  for (const spec of [
    'log',
    'log:',
    'readonly',
    'delay:ms=5',
    'delay:op=flush,ms=0',
    'error',
    'error:op=any,errno=EROFS,nth=1,offset=4K,length=1M,while=/tmp/a=b,seed=1',
    'error:probability=0.5',
    'error:probability=100%',
    'error:signal=SIGUSR2,while=/tmp/a',
    'pause:while=/tmp/a,op=write',
    'pause:signal=SIGWINCH',
    'rate:bytes=1M,ops=1000',
    'rate:ops=5,op=flush',
    'record:file=/tmp/log,marks=/tmp/marks',
    'checkwrite',
    'checkwrite:readback=yes',
  ]) {
    t.type(parseLayer(spec, context), 'function', spec)
  }
  t.end()
})

t.test('wrong ones are refused with what would be right', (t) => {
  for (const [spec, message, code = 'ERR_USAGE'] of [
    [
      'dleay:ms=5',
      /unknown layer 'dleay'; did you mean 'delay'\? known layers: checkwrite, delay, error, log, pause, rate, /,
    ],
    ['', /unknown layer ''/],
    ['constructor', /unknown layer/],
    ['delay', /ms is missing; write delay:ms=5/],
    ['delay:ms', /option 'ms' has no value/],
    ['delay:ms=', /ms='' is not a whole number/],
    ['delay:ms=-1', /is not a whole number from 0/],
    ['delay:ms=1.5', /is not a whole number/],
    ['delay:ms=99999999999', /is not a whole number/],
    ['delay:ms=1,ms=2', /'ms' is there twice/],
    ['delay:ms=1,', /unknown option ''/],
    ['delay:sm=1', /unknown option 'sm'; did you mean 'ms'\?/],
    ['error:op=reed', /op='reed' is unknown; did you mean 'read'\?/],
    ['error:errno=EOI', /'EOI' is not the name of an error; did you mean 'EIO'\?/],
    ['error:errno=5', /is not the name of an error/],
    ['error:probability=2', /is not a probability/],
    ['error:probability=101%', /is not a probability/],
    ['error:probability=x', /is not a probability/],
    ['error:nth=0', /is not a whole number from 1/],
    ['error:nth=1,probability=1', /exclude each other/],
    ['error:offset=4Q', /'4Q' is not a size/, 'ERR_SIZE'],
    ['error:while=', /is not a text/],
    ['error:signal=SIGUSR1', /'SIGUSR1' is unknown; did you mean 'SIGUSR2'\?/],
    ['error:signal=SIGTERM', /'SIGTERM' is unknown/],
    ['pause', /nothing says when; write pause:while=FILE/],
    ['pause:op=read', /nothing says when/],
    ['rate', /there is no limit; write rate:bytes=10M/],
    ['rate:op=read', /there is no limit/],
    ['rate:bytes=0', /lets nothing through/],
    ['rate:ops=0', /is not a whole number from 1/],
    ['rate:bytes=1M,op=trim', /a trim moves no bytes; limit it with ops/],
    ['record', /file is missing; write record:file=LOG/],
    ['record:flie=x', /did you mean 'file'/],
    ['checkwrite:readback=maybe', /'maybe' is unknown/],
    ['readonly:x=1', /unknown option 'x'; it has none/],
    ['log:level=debug', /unknown option 'level'; it has none/],
  ] as const) {
    t.throws(() => parseLayer(spec, context), { code, message }, spec)
  }
  t.end()
})
