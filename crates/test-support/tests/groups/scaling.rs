//! Members that come and go in good order: no message is handled twice.

use csb_test_support::replica_set::ReplicaSet;

use crate::team::Team;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn planned_moves_double_nothing() {
    let mut team = Team::start("scaling", ReplicaSet::shared().await, 1).await;
    for size in [2, 3, 6] {
        let took = team.grow_to(size).await;
        println!("to {size} members, from the start of the processes: {:.2} s", took.as_secs_f64());
    }
    for size in [3, 1] {
        let longest = team.shrink_to(size).await;
        println!(
            "to {size} members, from the word to leave to the next owner's first message: at most {:.2} s",
            longest.as_secs_f64()
        );
    }
    let numbers = team.end("1, 2, 3, 6, 3, 1 members").await;
    assert_eq!(numbers.duplicates, 0);
}
