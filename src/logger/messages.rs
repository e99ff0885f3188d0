//! The kinds of messages with an ID in the journal.
//!
//! `journalctl MESSAGE_ID=…` finds them, and `journalctl -x` explains them from the catalog that is made of this table.

use std::fmt::Write as _;

/// A kind of message.
#[derive(Debug, PartialEq, Eq)]
pub struct Message {
    /// 128 random bits, as journald wants them. It never changes.
    pub id: &'static str,
    /// The description, in one line; `@FIELD@` stands for a field of the entry.
    pub subject: &'static str,
    /// The meaning, and the action to take.
    pub text: &'static str,
}

/// All that was asked for is done.
pub const RUN_DONE: Message = Message {
    id: "f00f03581e0e4c889fd72bfde6023ad9",
    subject: "All of the user-data from @CLOUDINIT_SOURCE@ has been applied",
    text: "The line counts the steps that changed something, and those that had nothing to do.\n\
           `coreos-cloudinit --status` names them.",
};

/// Not all that was asked for is done.
pub const RUN_FAILED: Message = Message {
    id: "61d6ac39139945e483dc82709163028e",
    subject: "Something of the user-data from @CLOUDINIT_SOURCE@ has not been applied",
    text: "The lines before it, with the priority `err`, say what was left out, and why. All the\n\
           rest is done. `coreos-cloudinit --status` lists it.\n\n\
           When it is mended, the next boot applies it, or `coreos-cloudinit --from-file=FILE`\n\
           by hand: what is done already is not done again.",
};

/// The run as a whole met something.
pub const FAILURE: Message = Message {
    id: "e51bc037a3ba4d40a99977aad7414291",
    subject: "The user-data could not be had, or not be applied as a whole",
    text: "A data source did not answer in time or had nothing that can be read, another run kept the\n\
           machine, or this one was told to stop. The host name and the keys of `core` are set with\n\
           what was known by then.\n\n\
           `systemctl list-units 'user-c*' 'system-cloudinit@*'` shows what runs at boot, and where\n\
           each reads from.",
};

/// A step could not be done.
pub const STEP_FAILED: Message = Message {
    id: "0d8bb04d7ac146749dcb8c40e8f02011",
    subject: "A step failed: @CLOUDINIT_ITEM@",
    text: "It was asked for by @CLOUDINIT_PART@. The line says why it could not be done; nothing of\n\
           it is half done. What needs it is left out, which later lines say, and all else goes on.",
};

/// A step needs something that is not there.
pub const STEP_LEFT_OUT: Message = Message {
    id: "cef6da1fd51248adbd8f3f33f46aa70f",
    subject: "A step was left out: @CLOUDINIT_ITEM@",
    text: "It was asked for by @CLOUDINIT_PART@, and needs something that an earlier line says could\n\
           not be done, or the time of the run was over.",
};

/// A job was not waited for any longer.
pub const STEP_QUEUED: Message = Message {
    id: "aae9c86037154ed6bcf60f330e280568",
    subject: "A job was left to systemd: @CLOUDINIT_ITEM@",
    text: "It was asked for by @CLOUDINIT_PART@, and is still queued or running: it could not end as\n\
           long as this program waits for it, or it takes longer than `--job-timeout`. It is not\n\
           cancelled: systemd goes on with it.\n\n\
           `systemctl list-jobs --after` shows what it waits for.",
};

/// An item was refused before anything was done.
pub const REFUSED: Message = Message {
    id: "003d9a64c27a4d838ae701575639a2ce",
    subject: "Something in @CLOUDINIT_PART@ was refused: @CLOUDINIT_ITEM@",
    text: "It cannot be what was meant, or cannot be done safely, and nothing of it is. A line with the\n\
           place in the file says what is wrong.\n\n\
           `coreos-cloudinit --validate --from-file=FILE` shows it before it is applied.",
};

/// All of them, in the order of the catalog.
pub const ALL: [&Message; 7] = [&RUN_DONE, &RUN_FAILED, &FAILURE, &STEP_FAILED, &STEP_LEFT_OUT, &STEP_QUEUED, &REFUSED];

/// The catalog of these messages, as `journalctl --update-catalog` reads it.
pub fn catalog() -> String {
    let mut out = "# What journalctl -x says of the messages of coreos-cloudinit(8). Made of src/logger/messages.rs.\n"
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
