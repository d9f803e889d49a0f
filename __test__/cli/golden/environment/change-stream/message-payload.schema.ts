export type MessagePayloads = { orders: { id: string }; [topic: string]: { id: string } }
