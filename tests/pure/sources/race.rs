//! The choice among several sources, and its time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use cloudinit::deadline::Deadline;
use cloudinit::source::{Availability, Candidate, Context, Datasource, MetaData, NoSource, Setup, choose};

use super::{fetch, setup};

/// A source that is looked at this long, and here from some look on.
struct Stand {
    name: &'static str,
    takes: Duration,
    here_from: usize,
    hopeless: bool,
    looks: AtomicUsize,
}

impl Datasource for Stand {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn probe(&self, _: &Context<'_>) -> Availability {
        let look = self.looks.fetch_add(1, Ordering::SeqCst);
        thread::sleep(self.takes);
        if look >= self.here_from {
            Availability::Here
        } else if self.hopeless {
            Availability::Never(format!("{} cannot come", self.name))
        } else {
            Availability::NotYet(format!("{} is not here", self.name))
        }
    }

    fn meta_data(&self, _: &Context<'_>) -> MetaData {
        MetaData { failures: vec!["nothing of it".to_owned()], ..MetaData::default() }
    }

    fn user_data(&self, _: &Context<'_>) -> Result<Vec<u8>> {
        Ok(self.name.as_bytes().to_vec())
    }
}

fn stand(name: &'static str, takes: u64, here_from: usize) -> Stand {
    Stand { name, takes: Duration::from_millis(takes), here_from, hopeless: false, looks: AtomicUsize::new(0) }
}

const NEVER: usize = usize::MAX;

fn candidates(stands: Vec<Stand>) -> Vec<Candidate> {
    stands.into_iter().map(|stand| Candidate { source: Arc::new(stand), waits: true }).collect()
}

/// A first look that lasts long enough for a machine that has other things to do.
fn slow_setup() -> Setup {
    let mut setup = setup();
    setup.policy.look.first_pause = Duration::from_millis(400);
    setup
}

fn winner(setup: &Setup, candidates: Vec<Candidate>) -> (Result<String, NoSource>, Duration) {
    let begun = Instant::now();
    let chosen = choose(candidates, &Context { setup, stop: &|| false });
    (chosen.map(|source| source.name()), begun.elapsed())
}

#[test]
fn of_several_that_are_here_the_first_of_the_table_wins() {
    for _ in 0..20 {
        let stands = vec![stand("no", 0, NEVER), stand("slower", 30, 0), stand("faster", 0, 0), stand("too", 0, 0)];
        let (name, took) = winner(&slow_setup(), candidates(stands));
        assert_eq!(name.unwrap(), "slower");
        assert!(took < Duration::from_millis(350), "nobody waits for the end of the look: {took:?}");
    }
}

#[test]
fn a_fast_one_does_not_wait_for_a_slow_look() {
    let stands = vec![stand("slow", 5000, 0), stand("fast", 0, 0), stand("slow too", 5000, 0)];
    let (name, took) = winner(&setup(), candidates(stands));
    assert_eq!(name.unwrap(), "fast");
    assert!(took < Duration::from_secs(1), "{took:?}");
    let behind = vec![stand("fast", 0, 0), stand("slow", 5000, 0)];
    let (name, took) = winner(&slow_setup(), candidates(behind));
    assert_eq!(name.unwrap(), "fast");
    assert!(took < Duration::from_millis(350), "nobody behind is waited for: {took:?}");
}

#[test]
fn later_the_first_to_answer_wins() {
    let stands = vec![stand("late", 700, 0), stand("no", 0, NEVER), stand("earlier", 0, 3)];
    let (name, _) = winner(&setup(), candidates(stands));
    assert_eq!(name.unwrap(), "earlier");
}

#[test]
fn looks_are_repeated_with_longer_pauses() {
    let mut setup = setup();
    setup.policy.look.first_pause = Duration::from_millis(20);
    setup.policy.look.longest_pause = Duration::from_millis(60);
    let (name, took) = winner(&setup, candidates(vec![stand("late", 0, 5)]));
    assert_eq!(name.unwrap(), "late");
    // 20, 40, 60, 60, 60.
    assert!(took >= Duration::from_millis(240) && took < Duration::from_secs(3), "{took:?}");
}

#[test]
fn a_source_that_does_not_wait_is_probed_once() {
    let mut all = candidates(vec![stand("late", 0, 1), stand("late too", 0, 10)]);
    all[0].waits = false;
    assert_eq!(winner(&setup(), all.clone()).0.unwrap(), "late too");
    all.truncate(1);
    let (lost, took) = winner(&setup(), candidates(vec![]));
    assert!(lost.is_err() && took < Duration::from_secs(1));
    let mut alone = candidates(vec![stand("late", 0, 1)]);
    alone[0].waits = false;
    let (lost, took) = winner(&setup(), alone);
    assert_eq!(lost.unwrap_err().to_string(), "no data source available: late is not here");
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[test]
fn the_race_ends_when_no_source_can_come_any_more() {
    let mut stands = vec![stand("a", 0, NEVER), stand("b", 50, NEVER)];
    for stand in &mut stands {
        stand.hopeless = true;
    }
    let (lost, took) = winner(&setup(), candidates(stands));
    assert_eq!(lost.unwrap_err().to_string(), "no data source available: a cannot come; b cannot come");
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn after_the_deadline_each_source_has_a_reason() {
    let setup = Setup { deadline: Deadline::after(Duration::from_millis(300)), ..setup() };
    let stands = vec![stand("a", 0, NEVER), stand("b", 5000, 0)];
    let (lost, took) = winner(&setup, candidates(stands));
    assert_eq!(lost.unwrap_err().to_string(), "no data source available in time: a is not here; no response from b");
    assert!(took >= Duration::from_millis(300) && took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn by_hand_everything_is_looked_for_once() {
    let mut setup = setup();
    setup.policy.look.again = false;
    let (lost, took) = winner(&setup, candidates(vec![stand("a", 0, 1), stand("b", 200, NEVER)]));
    assert_eq!(lost.unwrap_err().to_string(), "a is not here; b is not here");
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(winner(&setup, candidates(vec![stand("a", 0, 1), stand("b", 200, 0)])).0.unwrap(), "b");
}

#[test]
fn a_run_that_is_stopped_does_not_wait() {
    let stop = || true;
    let setup = setup();
    let begun = Instant::now();
    let lost = choose(candidates(vec![stand("a", 5000, 0)]), &Context { setup: &setup, stop: &stop });
    let lost = lost.map(|source| source.name()).unwrap_err().to_string();
    assert_eq!(lost, "stopped by a signal while waiting for a data source: no response from a");
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_probe_that_panics_does_not_block_the_others() {
    struct Dead;
    impl Datasource for Dead {
        fn name(&self) -> String {
            "dead".to_owned()
        }
        fn probe(&self, _: &Context<'_>) -> Availability {
            panic!("what no source does");
        }
        fn meta_data(&self, _: &Context<'_>) -> MetaData {
            MetaData::default()
        }
        fn user_data(&self, _: &Context<'_>) -> Result<Vec<u8>> {
            Ok(Vec::new())
        }
    }
    let dead = || Candidate { source: Arc::new(Dead), waits: true };
    let (lost, took) = winner(&setup(), vec![dead()]);
    assert_eq!(lost.unwrap_err().reasons, ["dead: internal error; data source not used"]);
    assert!(took < Duration::from_secs(2), "{took:?}");
    let mut both = candidates(vec![stand("late", 0, 2)]);
    both.insert(0, dead());
    assert_eq!(winner(&setup(), both).0.unwrap(), "late");
}

#[test]
fn the_chosen_source_is_read_in_spite_of_its_meta_data() {
    let (name, meta, user_data) = fetch(candidates(vec![stand("it", 0, 0)]), &setup()).unwrap();
    assert_eq!((name.as_str(), meta.failures), ("it", vec!["nothing of it".to_owned()]));
    assert_eq!(user_data.unwrap(), "it");
}
