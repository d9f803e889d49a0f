import settings from '../settings.json' with { type: 'json' }

export const attributed: number = settings.partitions
