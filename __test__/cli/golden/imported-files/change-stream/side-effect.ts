const sideEffectKey = Symbol.for('csbroker.golden.side-effect')
;(globalThis as any)[sideEffectKey] = true
