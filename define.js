'use strict'

// Loads nothing: generated clients and configuration files import these on machines without the native addon.
// Configurations are checked when they are used.

function defineBroker(config) {
  return config
}

function defineTopic(config) {
  return config
}

function defineProducer(config) {
  return config
}

function defineConsumer(config) {
  return config
}

module.exports = { defineBroker, defineTopic, defineProducer, defineConsumer }
