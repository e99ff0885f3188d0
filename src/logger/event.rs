//! The data of a log line besides its text: fields for the journal, and a sign for terminals.

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
    /// The part of the user-data that the event is about.
    pub part: Option<&'a str>,
    /// The position in that part.
    pub at: Option<Position>,
    /// The description of the step or item.
    pub item: Option<&'a str>,
    /// The systemd unit, if the event concerns one.
    pub unit: Option<&'a str>,
    /// The rule of a finding.
    pub rule: Option<&'static str>,
    /// The result of the step, as a sign.
    pub sign: Option<Sign>,
    /// The duration of the step.
    pub took: Option<Duration>,
    /// The text for a terminal instead of the message. The position is printed below it.
    pub words: Option<&'a str>,
    /// True if the event is logged during a wait, which a terminal already shows in its status line.
    pub waiting: bool,
    /// True if a terminal omits the event, because its user already knows it.
    pub later: bool,
    /// True for the last line of a run. If the queue of the journal is full, sending it is retried for a short time.
    pub last: bool,
}

impl Event<'_> {
    /// Passes each additional field of the journal to `add`. The fields contain no secrets: the message has the same
    /// text.
    pub(super) fn fields(&self, mut add: impl FnMut(&str, &str)) {
        // CODE_FILE and CODE_LINE name the position in the configuration, not in the source of this program.
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
