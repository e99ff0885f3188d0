//! Looks up users and groups with the C library, within a time limit.
//!
//! The C library reads more databases than `/etc/passwd`, such as systemd's or a directory service on the network. A
//! database that hangs would block every lookup, and the run, for a minute. So a separate thread does the lookups.
//! After one timeout, only the files are used.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::unistd::{Gid, Group, Uid, User};

use crate::deadline::Deadline;
use crate::host::root::OsError;
use crate::host::signals;

/// The time limit of a lookup.
const LIMIT: Duration = Duration::from_secs(10);

/// The interval at which a lookup checks whether the run is to stop.
const PAUSE: Duration = Duration::from_millis(100);

/// A lookup.
pub(super) enum Question {
    /// The user of this name.
    UserNamed(String),
    /// The user with this ID.
    UserOf(Uid),
    /// The group of this name.
    GroupNamed(String),
    /// The group with this ID.
    GroupOf(Gid),
}

/// The result of a lookup: a user or a group, according to the question.
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
    /// A lookup timed out; no further question is sent.
    Silent,
}

static STATE: Mutex<LookupState> = Mutex::new(LookupState::Idle);

/// Returns the answer; `None` if it does not come in time, or if an earlier lookup timed out.
pub(super) fn ask(question: Question, deadline: Option<Deadline>) -> Option<Answer> {
    let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    if matches!(*state, LookupState::Idle) {
        let (sender, receiver) = sync_channel(1);
        let spawned = std::thread::Builder::new().name("lookups".into()).spawn(move || answer_all(&receiver));
        if let Err(error) = spawned {
            // Without the thread, a hanging database would block the run, so only the files are used.
            let error = OsError::from(error);
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
        // The receiver is gone after the time limit.
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
