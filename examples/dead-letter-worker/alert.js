/** Tells people when the group has given a message up: on standard error, and to a webhook if there is one. */
export function alertOnDeadLetters(consumer, url = process.env.ALERT_URL) {
  // A listener that throws or rejects is logged and hinders nobody.
  consumer.on('deadLettered', async ({ topic, messageId, attempts, errorName }) => {
    console.error(`ALERT gave up on ${topic}/${messageId}: ${errorName}, attempt ${attempts}`)
    if (!url) return
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ topic, messageId, attempts, errorName }),
      signal: AbortSignal.timeout(5_000),
    })
    if (!response.ok) throw new Error(`${url} answered ${response.status}`)
  })
}
