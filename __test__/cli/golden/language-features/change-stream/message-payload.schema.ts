export interface MessagePayloads { features: Parameters<(payload: { id: string }) => void>[0] }
