export interface MessagePayloads { purchases: { id: string } }
