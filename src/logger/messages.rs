//! The kinds of messages that have an ID in the journal.
//!
//! `journalctl MESSAGE_ID=…` selects them, and `journalctl -x` explains them from the catalog, which is generated from
//! this table.

use std::fmt::Write as _;

/// A kind of message.
#[derive(Debug, PartialEq, Eq)]
pub struct Message {
    /// A random 128-bit ID in the format of journald. It never changes.
    pub id: &'static str,
    /// The description, in one line; `@FIELD@` stands for a field of the entry.
    pub subject: &'static str,
    /// The meaning, and the action to take.
    pub text: &'static str,
}

/// All items were applied.
pub const RUN_DONE: Message = Message {
    id: "f00f03581e0e4c889fd72bfde6023ad9",
    subject: "All user-data from @CLOUDINIT_SOURCE@ has been applied",
    text: "The message has the number of steps that changed the machine, and of those that had\n\
           nothing to do. `coreos-cloudinit --status` prints the records of the runs.",
};

/// Some items were not applied.
pub const RUN_FAILED: Message = Message {
    id: "61d6ac39139945e483dc82709163028e",
    subject: "Some user-data from @CLOUDINIT_SOURCE@ has not been applied",
    text: "Earlier messages with the priority `err` name each item that was not applied or failed, and\n\
           the reason. Everything else was applied. `coreos-cloudinit --status` lists the failures.\n\n\
           Correct the user-data. The next boot applies it, or run\n\
           `coreos-cloudinit --from-file=FILE`. Steps that are already done are not repeated.",
};

/// The run as a whole failed.
pub const FAILURE: Message = Message {
    id: "e51bc037a3ba4d40a99977aad7414291",
    subject: "Failed to fetch or apply the user-data",
    text: "No data source was available in time, its response could not be read, another run held the\n\
           lock, or this run was stopped by a signal. The host name and the SSH keys of `core` that\n\
           were known by then have been applied.\n\n\
           `systemctl list-units 'user-c*' 'system-cloudinit@*'` lists the units that run at boot, and\n\
           their data sources.",
};

/// A step failed.
pub const STEP_FAILED: Message = Message {
    id: "0d8bb04d7ac146749dcb8c40e8f02011",
    subject: "A step failed: @CLOUDINIT_ITEM@",
    text: "The step is part of @CLOUDINIT_PART@. The message has the cause. Steps that depend on it are\n\
           skipped, with a message each. All other steps are applied.",
};

/// A step was skipped because its dependency failed.
pub const STEP_DEPENDENCY_FAILED: Message = Message {
    id: "cef6da1fd51248adbd8f3f33f46aa70f",
    subject: "Dependency failed for a step: @CLOUDINIT_ITEM@",
    text: "The step is part of @CLOUDINIT_PART@. It was skipped, because it depends on a step that\n\
           failed, or because the time limit of the run was reached. The message has the reason.",
};

/// A job was left to systemd.
pub const STEP_QUEUED: Message = Message {
    id: "aae9c86037154ed6bcf60f330e280568",
    subject: "A job was left to systemd: @CLOUDINIT_ITEM@",
    text: "The step is part of @CLOUDINIT_PART@. Its job is still queued or running: it waits for the\n\
           service that runs coreos-cloudinit, or it exceeded `--job-timeout`. The job is not\n\
           canceled.\n\n\
           `systemctl list-jobs --after` lists the jobs that it waits for.",
};

/// An item was not applied, because it is invalid.
pub const REFUSED: Message = Message {
    id: "003d9a64c27a4d838ae701575639a2ce",
    subject: "An item of @CLOUDINIT_PART@ was not applied: @CLOUDINIT_ITEM@",
    text: "The item is invalid, or cannot be applied safely; nothing of it was applied. Another message\n\
           has the problem and its position in the file.\n\n\
           `coreos-cloudinit --validate --from-file=FILE` reports such problems without a run.",
};

/// All kinds of messages, in the order of the catalog.
pub const ALL: [&Message; 7] =
    [&RUN_DONE, &RUN_FAILED, &FAILURE, &STEP_FAILED, &STEP_DEPENDENCY_FAILED, &STEP_QUEUED, &REFUSED];

/// Returns the catalog of these messages in the format of `journalctl --update-catalog`.
pub fn catalog() -> String {
    let mut out = "# Explanations of the messages of coreos-cloudinit(8), for journalctl -x. Generated from src/logger/messages.rs.\n"
        .to_owned();
    for Message { id, subject, text } in ALL {
        // Writing to a string cannot fail.
        let _ = write!(
            out,
            "\n-- {id}\nSubject: {subject}\nDefined-By: coreos-cloudinit\nSupport: man:coreos-cloudinit(8)\n\
             Documentation: man:coreos-cloudinit(8)\n\
             Documentation: file:/usr/share/doc/coreos-cloudinit/troubleshooting.md\n\n{text}\n"
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_ids_and_no_two_are_the_same() {
        let ids: HashSet<_> = ALL.iter().map(|message| message.id).collect();
        assert_eq!(ids.len(), ALL.len());
        for id in ids {
            assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)), "{id}");
        }
    }

    #[test]
    fn explanations_fit_a_terminal() {
        for line in ALL.iter().flat_map(|message| message.text.lines()) {
            assert!(line.chars().count() <= 95, "{line}");
        }
    }
}
