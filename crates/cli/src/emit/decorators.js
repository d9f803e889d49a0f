const babelHelpers = {
  decorate(decorators, target, key, given) {
    const isClass = arguments.length < 3
    let made = isClass ? target : given === null ? Object.getOwnPropertyDescriptor(target, key) : given
    for (const decorator of [...decorators].reverse()) {
      made = (isClass ? decorator(made) : decorator(target, key, made)) || made
    }
    if (!isClass && made) Object.defineProperty(target, key, made)
    return made
  },
  decorateParam: (index, decorator) => (target, key) => decorator(target, key, index),
}
