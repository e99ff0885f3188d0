//! Explains systemd's errors about a unit of the configuration.

use anyhow::anyhow;

use crate::host::bus::CallError;

/// Describes the error of a call for `unit`.
///
/// Errors with a known D-Bus name get a description from here; other errors keep the message of systemd.
pub(super) fn explain(error: CallError, unit: &str) -> anyhow::Error {
    match meaning(&error, unit) {
        Some(sentence) => anyhow!(sentence),
        None => anyhow::Error::new(error),
    }
}

fn meaning(error: &CallError, unit: &str) -> Option<String> {
    let CallError::Refused { name, message } = error else {
        return None;
    };
    let short = name.strip_prefix("org.freedesktop.systemd1.").unwrap_or(name);
    // The error may be that of a dependency, which the message of systemd names.
    let other = !message.is_empty() && !message.contains(unit);
    Some(match short {
        "NoSuchUnit" | "org.freedesktop.DBus.Error.FileNotFound" | "System.Error.ENOENT" => {
            if other {
                format!("{unit} needs a unit that does not exist: {message}")
            } else {
                format!("{unit} does not exist")
            }
        }
        "UnitMasked" if other => format!("{unit} needs a unit that is masked: {message}"),
        "UnitMasked" => format!("{unit} is masked"),
        "LoadFailed" | "BadUnitSetting" | "System.Error.EBADMSG" | "org.freedesktop.DBus.Error.InconsistentMessage" => {
            let (bad, fault) = match unit_in_message(message).filter(|_| other) {
                Some(bad) => (bad, format!("{unit} needs a unit with an invalid unit file")),
                None => (unit, format!("the unit file of {unit} is invalid")),
            };
            // systemd logs the reason only to the journal, so the message contains the command that shows it.
            let quoted = if bad.contains('\\') { format!("'{bad}'") } else { bad.to_owned() };
            let reason = format!("`systemd-analyze verify {quoted}` and `journalctl -u {quoted}` show the reason");
            format!("{fault}: {}; {reason}", message.trim_end_matches('.'))
        }
        "JobTypeNotApplicable" => format!("{unit} does not support this command: {message}"),
        "OnlyByDependency" => format!("{unit} refuses to be started or stopped by hand"),
        "UnitGenerated" => format!("{unit} is created by a generator and cannot be enabled"),
        "UnitLinked" => format!("the unit file of {unit} is a link that cannot be enabled"),
        "TransactionIsDestructive" => {
            format!("{unit} has a job that cannot be replaced: {message}")
        }
        "TransactionOrderIsCyclic" => {
            format!("{unit} is part of an ordering cycle: {message}")
        }
        "TransactionJobsConflicting" => {
            format!("{unit} needs units that conflict: {message}")
        }
        "ShuttingDown" => "the machine is shutting down".to_owned(),
        "org.freedesktop.DBus.Error.InvalidArgs" => {
            format!("{unit} was rejected: {message}")
        }
        _ => return None,
    })
}

/// Returns the unit that a message of systemd names.
fn unit_in_message(message: &str) -> Option<&str> {
    message.strip_prefix("Unit ")?.split(' ').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(name: &str, message: &str) -> String {
        let error = CallError::Refused { name: name.into(), message: message.into() };
        explain(error, "x.service").to_string()
    }

    #[test]
    fn known_errors_are_explained_in_our_words() {
        let cases = [
            ("NoSuchUnit", "Unit x.service not found.", "x.service does not exist"),
            ("UnitMasked", "Unit x.service is masked.", "x.service is masked"),
            (
                "UnitMasked",
                "Unit y.service is masked.",
                "x.service needs a unit that is masked: Unit y.service is masked.",
            ),
            (
                "BadUnitSetting",
                "Unit x.service has a bad unit file setting.",
                "the unit file of x.service is invalid: Unit x.service has a bad unit file setting; \
                 `systemd-analyze verify x.service` and `journalctl -u x.service` show the reason",
            ),
            (
                "BadUnitSetting",
                "Unit a\\x2db.mount has a bad unit file setting.",
                "x.service needs a unit with an invalid unit file: Unit a\\x2db.mount has a bad unit file setting; \
                 `systemd-analyze verify 'a\\x2db.mount'` and `journalctl -u 'a\\x2db.mount'` show the reason",
            ),
            (
                "JobTypeNotApplicable",
                "Job type reload is not applicable for unit x.service.",
                "x.service does not support this command: Job type reload is not applicable for unit x.service.",
            ),
        ];
        for (name, message, sentence) in cases {
            assert_eq!(explained(&format!("org.freedesktop.systemd1.{name}"), message), sentence);
        }
    }

    #[test]
    fn a_missing_unit_file_is_reported() {
        let message = "Unit file x.service does not exist.";
        assert_eq!(explained("org.freedesktop.DBus.Error.FileNotFound", message), "x.service does not exist");
    }

    #[test]
    fn unknown_errors_keep_their_own_words() {
        assert_eq!(explained("org.example.Odd", "odd"), "odd");
        assert_eq!(explained("org.example.Odd", ""), "org.example.Odd");
    }
}
