//! What the collection of a partition is called.

/// The collection of a partition. 1.4.2 uses the same names.
pub fn collection_name(topic_collection: &str, partition: u32) -> String {
    format!("{topic_collection}_p{partition}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_collection_as_1_4_2_does() {
        assert_eq!(collection_name("purchases.new-purchase", 12), "purchases.new-purchase_p12");
    }
}
