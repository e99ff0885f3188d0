//! Chooses the data source: all named sources are probed in parallel, and the first available one is chosen
//! (docs/datasources.md).
//!
//! The first attempt lasts until all sources have answered, or 100 ms. Among the sources that are available in this
//! time, the first one in the table is chosen; only the sources before it in the table are waited for. Later, the first
//! source that becomes available is chosen immediately.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use log::Level;

use super::{Availability, Context, Datasource, Setup};
use crate::contain::{contain, detach};
use crate::deadline::Deadline;
use crate::logger::{Event, log_event, progress};
use crate::os_error::OsError;

/// The interval at which the main thread checks whether the run was asked to stop.
const SLICE: Duration = Duration::from_millis(100);

/// A source that may be chosen.
#[derive(Clone)]
pub struct Candidate {
    /// The source.
    pub source: Arc<dyn Datasource>,
    /// True if the source may still become available later.
    pub waits: bool,
}

/// The error if no source is available: the reasons of all candidates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoSource {
    prefix: &'static str,
    /// The reason of each candidate, in the order of the table.
    pub reasons: Vec<String>,
}

impl fmt::Display for NoSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.prefix, self.reasons.join("; "))
    }
}

impl std::error::Error for NoSource {}

/// Chooses one of the candidates, which are given in the order of the table.
///
/// # Errors
///
/// No source is available before the deadline, no source can become available, or the run was asked to stop.
pub fn choose(candidates: Vec<Candidate>, cx: &Context<'_>) -> Result<Arc<dyn Datasource>, NoSource> {
    // If the first candidate is available, no other candidate can be chosen instead.
    if let Some(first) = candidates.first().filter(|first| first.source.is_at_hand()) {
        return Ok(Arc::clone(&first.source));
    }
    let (sender, receiver) = channel();
    let over = SetOnDrop::default();
    let setup = Arc::new(cx.setup.clone());
    let mut unable = Vec::new();
    for (index, candidate) in candidates.iter().cloned().enumerate() {
        let (sender, over, setup) = (sender.clone(), Arc::clone(&over.0), Arc::clone(&setup));
        // The thread of a probe that hangs is abandoned: it ends with the program.
        let name = candidate.source.name();
        let probe = move || probe_until_final(index, &candidate, &setup, &over, &sender);
        if let Err(error) = detach("data source", probe) {
            unable.push((
                index,
                Availability::Never(format!("failed to start a thread for {name}: {}", OsError::from(error))),
            ));
        }
    }
    drop(sender);
    let first_look = Deadline::after(setup.policy.look.first_pause);
    let mut race = Race { candidates, answers: Vec::new(), best: None, is_cut_short: false };
    race.answers.resize(race.candidates.len(), None);
    for (index, answer) in unable {
        race.record_answer(index, answer);
    }
    let mut waiting = None;
    loop {
        if let Some(best) = race.best(first_look.passed()) {
            return Ok(Arc::clone(&race.candidates[best].source));
        }
        if race.best.is_none() {
            if race.is_hopeless() {
                let prefix = if race.is_cut_short { IN_TIME } else { UNAVAILABLE };
                return Err(race.into_error(if setup.policy.look.again { prefix } else { "" }));
            } else if setup.deadline.passed() {
                return Err(race.into_error(IN_TIME));
            } else if (cx.stop)() {
                return Err(race.into_error("stopped by a signal while waiting for a data source: "));
            }
        }
        if setup.policy.look.again && waiting.is_none() && first_look.passed() {
            let words = format!("waiting for a data source: {}", race.expected().join(", "));
            log_event(Level::Info, format_args!("{words}"), &Event { waiting: true, ..Event::default() });
            waiting = Some(progress(|| words));
        }
        let wait = if first_look.passed() { SLICE } else { first_look.clip(SLICE) };
        match receiver.recv_timeout(setup.deadline.clip(wait)) {
            Ok((index, availability)) => race.record_answer(index, availability),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => race.finish_answers(),
        }
    }
}

/// The prefix of the message if no source can become available.
const UNAVAILABLE: &str = "no data source available: ";

/// The prefix of the message if the wait for sources was too short.
const IN_TIME: &str = "no data source available in time: ";

/// Sets the flag on drop, which tells all probes that the choice is made.
#[derive(Default)]
struct SetOnDrop(Arc<AtomicBool>);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Probes one candidate until it is available, it cannot become available, or the choice is made.
fn probe_until_final(
    index: usize,
    candidate: &Candidate,
    setup: &Setup,
    over: &AtomicBool,
    sender: &Sender<(usize, Availability)>,
) {
    let stop = || over.load(Ordering::Relaxed);
    let cx = Context { setup, stop: &stop };
    let policy = setup.policy.look;
    let mut pause = policy.first_pause;
    loop {
        let probed = contain(|| candidate.source.probe(&cx));
        let probed = probed.unwrap_or_else(|| Availability::Never(broken(&candidate.source.name())));
        let availability = match probed {
            Availability::NotYet(why) if !(policy.again && candidate.waits) => Availability::Never(why),
            other => other,
        };
        let is_final = !matches!(availability, Availability::NotYet(_));
        if sender.send((index, availability)).is_err() || is_final {
            return;
        }
        cx.limits().sleep(pause);
        if cx.limits().expired_reason().is_some() {
            return;
        }
        pause = (pause * 2).min(policy.longest_pause);
    }
}

struct Race {
    candidates: Vec<Candidate>,
    /// The latest answer of each candidate.
    answers: Vec<Option<Availability>>,
    /// The index of the first available candidate.
    best: Option<usize>,
    /// True if the probes ended at the deadline.
    is_cut_short: bool,
}

impl Race {
    fn record_answer(&mut self, index: usize, availability: Availability) {
        if availability == Availability::Here {
            self.best = Some(self.best.map_or(index, |best| best.min(index)));
        }
        if let Availability::NotYet(why) | Availability::Never(why) = &availability {
            log::debug!("{why}");
        }
        self.answers[index] = Some(availability);
    }

    /// Returns the candidate to choose. During the first attempt, this is the best one only if all candidates before it
    /// have answered.
    fn best(&self, first_look_is_over: bool) -> Option<usize> {
        self.best.filter(|best| first_look_is_over || self.answers[..*best].iter().all(Option::is_some))
    }

    /// Makes the latest answers final when no probe is running any more.
    fn finish_answers(&mut self) {
        self.is_cut_short = !self.is_hopeless();
        for (candidate, answer) in self.candidates.iter().zip(&mut self.answers) {
            match answer.take() {
                Some(Availability::NotYet(why)) => *answer = Some(Availability::Never(why)),
                None => *answer = Some(Availability::Never(unanswered(candidate))),
                other => *answer = other,
            }
        }
    }

    fn is_hopeless(&self) -> bool {
        self.answers.iter().all(|answer| matches!(answer, Some(Availability::Never(_))))
    }

    /// Returns the names of the candidates that may still become available.
    fn expected(&self) -> Vec<String> {
        let all = self.candidates.iter().zip(&self.answers);
        let expected = all.filter(|(_, answer)| !matches!(answer, Some(Availability::Never(_))));
        expected.map(|(candidate, _)| candidate.source.name()).collect()
    }

    fn into_error(self, prefix: &'static str) -> NoSource {
        let reasons = self.candidates.iter().zip(self.answers).map(|(candidate, answer)| match answer {
            Some(Availability::NotYet(why) | Availability::Never(why)) => why,
            Some(Availability::Here) | None => unanswered(candidate),
        });
        NoSource { prefix, reasons: reasons.collect() }
    }
}

/// Returns the error for a data source that panicked.
pub fn broken(name: &str) -> String {
    format!("{name}: internal error; data source not used")
}

fn unanswered(candidate: &Candidate) -> String {
    format!("no response from {}", candidate.source.name())
}
