'use strict'

const { facadeError } = require('./errors.js')

function slotOf(topic, partition) {
  return `${topic}_p${partition}`
}

/**
 * A register of the consumers in this process, by group, with the API of 1.4.2. It takes no part in the group
 * protocol: which member owns which partition is settled in the database.
 */
class ConsumerGroupManager {
  #groups = new Map()

  /** Registers a group, replacing one of the same id. */
  createConsumerGroup(groupId, topics) {
    const group = { groupId, topics, lastOffsets: new Map(), members: new Map() }
    this.#groups.set(groupId, group)
    return group
  }

  getConsumerGroup(groupId) {
    return this.#groups.get(groupId)
  }

  addMemberToGroup(groupId, consumerId, consumer) {
    const group = this.#groups.get(groupId)
    if (group === undefined) {
      throw facadeError('ERR_CSB_INVALID_CONFIG', `Consumer group ${groupId} not found`, { groupId })
    }
    group.members.set(consumerId, consumer)
  }

  removeMemberFromGroup(groupId, consumerId) {
    const members = this.getGroupMembers(groupId)
    if (members !== undefined) members.delete(consumerId)
  }

  updateOffset(groupId, topic, offset, partition) {
    const group = this.#groups.get(groupId)
    if (group !== undefined) group.lastOffsets.set(slotOf(topic, partition), offset)
  }

  getOffset(groupId, topic, partition) {
    const group = this.#groups.get(groupId)
    return group === undefined ? undefined : group.lastOffsets.get(slotOf(topic, partition))
  }

  /** Resolves at once: partitions are shared out by the group protocol, not by this register. */
  async rebalanceGroup() {}

  /** Disconnects every registered consumer of the group and forgets it. */
  async disconnectGroup(groupId) {
    const group = this.#groups.get(groupId)
    if (group === undefined) return
    await Promise.all(Array.from(group.members.values(), (consumer) => consumer.disconnect()))
    group.members.clear()
    this.#groups.delete(groupId)
  }

  getGroupMembers(groupId) {
    const group = this.#groups.get(groupId)
    return group === undefined ? undefined : group.members
  }

  getAllConsumerGroups() {
    return this.#groups
  }
}

module.exports = { ConsumerGroupManager }
