// ==============================================
// EXAMPLE - MESSAGE PAYLOAD SCHEMAS
// ==============================================

export interface PurchaseCreatedPayload {
	customer: {
		id: string
		authUserId: string
	}
	product: {
		id: string
		title: string
		slug: string
	}
}
