//! Asking the C library for users and groups, for so long and no longer.
//!
//! Behind it are others than `/etc/passwd`: systemd itself, a directory on the network. One that stands still would hold
//! up every lookup for a minute, and the run with it. So a thread of its own asks; once it was in vain, the files count.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::unistd::{Gid, Group, Uid, User};

use crate::deadline::Deadline;
use crate::host::signals;

/// How long a lookup may take.
const LIMIT: Duration = Duration::from_secs(10);

/// How often a lookup asks whether the run is to stop.
const PAUSE: Duration = Duration::from_millis(100);

/// What is asked.
pub(super) enum Question {
    /// The user of this name.
    UserNamed(String),
    /// The user of this number.
    UserOf(Uid),
    /// The group of this name.
    GroupNamed(String),
    /// The group of this number.
    GroupOf(Gid),
}

/// What is answered: a user or a group, as it was asked.
pub(super) enum Answer {
    /// The user, if there is one.
    User(nix::Result<Option<User>>),
    /// The group, if there is one.
    Group(nix::Result<Option<Group>>),
}

type PendingQuestion = (Question, SyncSender<Answer>);

enum LookupState {
    Idle,
    Asking(SyncSender<PendingQuestion>),
    /// It did not answer once, and is not asked again.
    Silent,
}

static STATE: Mutex<LookupState> = Mutex::new(LookupState::Idle);

/// The answer; `None` where there is none in time, now or before.
pub(super) fn ask(question: Question, deadline: Option<Deadline>) -> Option<Answer> {
    let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    if matches!(*state, LookupState::Idle) {
        let (sender, receiver) = sync_channel(1);
        let spawned = std::thread::Builder::new().name("lookups".into()).spawn(move || answer_all(&receiver));
        if let Err(error) = spawned {
            // If it is asked from here, a database that stands still would hold up the run.
            log::warn!("failed to start a thread for lookups: {error}; only /etc/passwd and /etc/group are used");
            *state = LookupState::Silent;
            return None;
        }
        *state = LookupState::Asking(sender);
    }
    let LookupState::Asking(sender) = &*state else { return None };
    let (answers, answer) = sync_channel(1);
    let (asked, limit) = (Instant::now(), deadline.map_or(LIMIT, |deadline| deadline.clip(LIMIT)).max(PAUSE));
    let answer = sender.send((question, answers)).ok().and_then(|()| {
        loop {
            match answer.recv_timeout(PAUSE) {
                Err(RecvTimeoutError::Timeout) if asked.elapsed() < limit && !signals::stopped() => {}
                answer => break answer.ok(),
            }
        }
    });
    if answer.is_none() {
        log::warn!(
            "users and groups could not be looked up within {} s; only /etc/passwd and /etc/group are used",
            asked.elapsed().as_secs()
        );
        *state = LookupState::Silent;
    }
    answer
}

fn answer_all(questions: &Receiver<PendingQuestion>) {
    for (question, answers) in questions {
        // Nobody waits for one that comes late.
        let _ = answers.send(answer(question));
    }
}

fn answer(question: Question) -> Answer {
    match question {
        Question::UserNamed(name) => Answer::User(User::from_name(&name)),
        Question::UserOf(uid) => Answer::User(User::from_uid(uid)),
        Question::GroupNamed(name) => Answer::Group(Group::from_name(&name)),
        Question::GroupOf(gid) => Answer::Group(Group::from_gid(gid)),
    }
}
