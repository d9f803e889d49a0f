interface MessagePayloads { typo: { id: string } }
export interface Other { id: string }
