//! The data of a log line besides its text: fields for the journal, a sign on a terminal.

use std::time::Duration;

use super::messages::Message;
use crate::terminal::Sign;
use cloud_config::text::Position;
use cloud_config::text::printable;

/// The context of a log line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Event<'a> {
    /// The kind of message, if it has an ID in the journal.
    pub message: Option<&'static Message>,
    /// The source of the user-data, if the event is about all of it.
    pub source: Option<&'a str>,
    /// The part that it is about.
    pub part: Option<&'a str>,
    /// The position in the part.
    pub at: Option<Position>,
    /// The step or the item of the part, in words.
    pub item: Option<&'a str>,
    /// The systemd unit, if the event concerns one.
    pub unit: Option<&'a str>,
    /// The rule of a finding.
    pub rule: Option<&'static str>,
    /// The result.
    pub sign: Option<Sign>,
    /// The duration.
    pub took: Option<Duration>,
    /// The text on a terminal instead of the message; the position stands below it.
    pub words: Option<&'a str>,
    /// True if it is logged during a wait; a terminal that shows the wait itself does not need it.
    pub waiting: bool,
    /// True if a terminal does not show it, because its user already knows it.
    pub later: bool,
    /// True for the last line of a run, which is retried for a short time if the queue of the journal is full.
    pub last: bool,
}

impl Event<'_> {
    /// Passes each additional field of the journal to `add`. No field contains a secret: their names and words are also
    /// in the message.
    pub(super) fn fields(&self, mut add: impl FnMut(&str, &str)) {
        // A position in the configuration, not in the source of this program.
        if let Some((part, at)) = self.part.zip(self.at) {
            add("CODE_FILE", &printable(part));
            add("CODE_LINE", &at.line.to_string());
        }
        let fields = [
            ("MESSAGE_ID", self.message.map(|message| message.id)),
            ("CLOUDINIT_SOURCE", self.source),
            ("CLOUDINIT_PART", self.part),
            ("CLOUDINIT_ITEM", self.item),
            ("CLOUDINIT_RULE", self.rule),
            ("UNIT", self.unit),
        ];
        for (name, value) in fields {
            if let Some(value) = value {
                add(name, &printable(value));
            }
        }
    }
}
