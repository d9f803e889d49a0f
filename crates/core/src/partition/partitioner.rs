//! Which partition a message belongs to. Equal to 1.4.2, so that both versions put a key in the same place.

use std::sync::atomic::{AtomicU64, Ordering};

use bson::RawBsonRef;
use md5::{Digest, Md5};

use crate::config::PartitionStrategy;
use crate::record::value_bytes::value_bytes;

/// Chooses the partitions of one producer's messages.
#[derive(Debug)]
pub struct Partitioner {
    strategy: PartitionStrategy,
    partitions: u32,
    /// Messages placed so far; only round-robin counts.
    placed: AtomicU64,
}

impl Partitioner {
    /// A partitioner over this many partitions, at least one.
    pub fn new(strategy: PartitionStrategy, partitions: u32) -> Self {
        Self { strategy, partitions: partitions.max(1), placed: AtomicU64::new(0) }
    }

    /// The partition of a message.
    ///
    /// `hash_input` is the value as JSON, which takes the place of a missing key. A value that has no JSON form is
    /// placed by its BSON bytes instead. An empty key counts as none.
    pub fn choose(&self, key: Option<&str>, hash_input: Option<&str>, value: RawBsonRef<'_>) -> u32 {
        let partitions = u64::from(self.partitions);
        let number = match self.strategy {
            PartitionStrategy::RoundRobin => self.placed.fetch_add(1, Ordering::Relaxed),
            PartitionStrategy::Hash | PartitionStrategy::KeyBased => {
                match key.filter(|key| !key.is_empty()).or(hash_input) {
                    Some(text) => hash(text.as_bytes()),
                    None => hash(&value_bytes(value).1),
                }
            }
        };
        #[expect(clippy::cast_possible_truncation, reason = "smaller than `partitions`, which is a u32")]
        let partition = (number % partitions) as u32;
        partition
    }
}

/// The first eight hexadecimal digits of the MD5 digest, as a number.
fn hash(bytes: &[u8]) -> u64 {
    let digest = Md5::digest(bytes);
    u64::from(u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]))
}

#[cfg(test)]
mod tests {
    use bson::{rawbson, rawdoc};

    use super::*;

    const SIZES: [u32; 9] = [1, 2, 3, 7, 10, 64, 1000, 1023, 1024];
    const LONG: Option<&str> = Some(concat!(
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    ));

    type Vector = (Option<&'static str>, &'static str, [u32; 9], u32);

    /// What 1.4.2's own producer answers: key, value as JSON, its partition for each of `SIZES`, and the sum of its
    /// partitions for every size from 1 to 1024. A lone surrogate reaches both versions as U+FFFD.
    const VECTORS: [Vector; 23] = [
        (Some("a"), "{}", [0, 1, 0, 1, 7, 57, 177, 738, 441], 257_580),
        (Some("order-1"), "{}", [0, 1, 2, 1, 9, 41, 49, 116, 425], 261_769),
        (Some("0"), "{}", [0, 0, 0, 2, 6, 4, 916, 204, 132], 242_720),
        (Some("665f1f77bcf86cd799439011"), "{}", [0, 1, 2, 3, 1, 3, 131, 770, 771], 263_119),
        (Some("S\u{e3}o Paulo"), "{}", [0, 0, 1, 5, 8, 46, 118, 265, 174], 270_098),
        (Some("\u{43a}\u{43b}\u{44e}\u{447}"), "{}", [0, 0, 2, 4, 6, 38, 846, 254, 870], 264_680),
        (Some("\u{9375}"), "{}", [0, 1, 0, 2, 5, 5, 85, 633, 901], 267_996),
        (Some("\u{1f511}"), "{}", [0, 0, 1, 4, 6, 34, 146, 172, 418], 280_181),
        (Some("e\u{301}"), "{}", [0, 1, 0, 0, 3, 31, 63, 276, 543], 267_447),
        (Some("nul\u{0}inside"), "{}", [0, 0, 0, 3, 4, 12, 764, 234, 588], 261_310),
        (Some("\u{fffd}"), "{}", [0, 0, 0, 0, 0, 0, 120, 861, 64], 251_956),
        (Some("   "), "{}", [0, 0, 2, 4, 6, 48, 776, 422, 496], 256_422),
        (LONG, "{}", [0, 1, 0, 3, 3, 33, 273, 825, 545], 257_196),
        (Some(""), "{\"a\":1}", [0, 0, 2, 2, 4, 6, 814, 173, 454], 260_060),
        (None, "{}", [0, 1, 1, 1, 5, 19, 115, 385, 915], 254_626),
        (None, "{\"a\":1}", [0, 0, 2, 2, 4, 6, 814, 173, 454], 260_060),
        (
            None,
            "{\"customer\":{\"id\":\"c-1\"},\"product\":{\"title\":\"Caf\u{e9} \\\"\u{e9}\\\"\"}}",
            [0, 1, 2, 1, 7, 53, 437, 584, 245],
            259_135,
        ),
        (None, "[1,\"two\",null]", [0, 0, 0, 2, 6, 18, 186, 264, 594], 256_709),
        (None, "\"text\"", [0, 1, 1, 0, 1, 21, 901, 706, 341], 250_735),
        (None, "7", [0, 1, 0, 0, 1, 31, 71, 651, 95], 256_241),
        (None, "true", [0, 0, 2, 5, 4, 6, 374, 488, 262], 264_223),
        (None, "null", [0, 0, 0, 5, 4, 28, 484, 672, 412], 258_552),
        (None, "{\"d\":\"1970-01-01T00:00:00.000Z\"}", [0, 0, 1, 2, 2, 14, 502, 553, 654], 270_355),
    ];

    #[test]
    fn places_messages_where_1_4_2_does() {
        let value = rawdoc! { "not": "looked at" };
        for strategy in [PartitionStrategy::Hash, PartitionStrategy::KeyBased] {
            for (key, json, expected, sum) in VECTORS {
                let choose = |partitions| {
                    Partitioner::new(strategy, partitions).choose(
                        key,
                        Some(json),
                        RawBsonRef::Document(&value),
                    )
                };
                assert_eq!(SIZES.map(choose), expected, "{key:?} {json}");
                assert_eq!((1..=1024).map(choose).sum::<u32>(), sum, "{key:?} {json}");
            }
        }
    }

    #[test]
    fn round_robin_counts_from_zero_and_ignores_keys() {
        let partitioner = Partitioner::new(PartitionStrategy::RoundRobin, 3);
        let places = [None, Some("a"), None, Some("a"), None, Some("a"), None]
            .map(|key| partitioner.choose(key, None, RawBsonRef::Null));
        assert_eq!(places, [0, 1, 2, 0, 1, 2, 0]);
    }

    #[test]
    fn a_value_without_json_is_placed_by_its_bytes() {
        let partitioner = Partitioner::new(PartitionStrategy::Hash, 1024);
        let place = |value: &bson::RawBson| partitioner.choose(None, None, value.as_raw_bson_ref());
        let value = rawbson!({ "big": 12_345_678_901_234_i64 });
        assert_eq!(place(&value), place(&value.clone()));
        let others: std::collections::HashSet<u32> = (0..100).map(|n| place(&rawbson!(n))).collect();
        assert!(others.len() > 50, "values are spread");
    }

    #[test]
    fn no_partitions_are_one() {
        assert_eq!(Partitioner::new(PartitionStrategy::Hash, 0).choose(Some("a"), None, RawBsonRef::Null), 0);
    }
}
