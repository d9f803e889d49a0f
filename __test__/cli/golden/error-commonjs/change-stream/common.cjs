module.exports = { topic: 'common' }
