// The links of a Markdown page, and the anchors that GitHub gives its headings.

const FENCE = /^(\s*)(`{3,}|~{3,})[^\n]*\n.*?^\s*\2\s*$/gms
const INLINE_CODE = /(`+)(?!`).+?\1/g
const INLINE_LINK = /!?\[(?:[^\][]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g
const REFERENCE = /^\s*\[[^\]]+\]:\s+<?(\S+?)>?\s*$/gm

/** Where the page's links lead to, in their order. */
export function linksOf(markdown) {
  const prose = markdown.replace(FENCE, '').replace(INLINE_CODE, '``')
  return [INLINE_LINK, REFERENCE].flatMap((pattern) => Array.from(prose.matchAll(pattern), ([, target]) => target))
}

/** The names behind `#` that lead somewhere on the page. */
export function anchorsOf(markdown) {
  const text = markdown.replace(FENCE, '')
  const anchors = new Set(Array.from(text.matchAll(/<a\s+(?:id|name)="([^"]+)"/g), ([, name]) => name))
  for (const [, heading] of text.matchAll(/^#{1,6}\s+(.+?)\s*#*\s*$/gm)) {
    const slug = slugOf(heading)
    let anchor = slug
    for (let n = 1; anchors.has(anchor); n++) anchor = `${slug}-${n}`
    anchors.add(anchor)
  }
  return anchors
}

/** GitHub's name for a heading: small letters, without punctuation, a hyphen for each space. */
export function slugOf(heading) {
  return heading
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/\\(.)/g, '$1')
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '')
    .replace(/ /g, '-')
}
