export interface MessagePayloads { purchase: { id: string }; 'purchases.old': never }
