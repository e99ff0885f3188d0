//! Runs Debian's Ignition in place of the one in the initramfs of an image.
//!
//! Only the stages `fetch` and `files` run, because converted configurations contain no downloads, disks or kernel
//! arguments. Units are enabled by presets, which systemd applies at a boot without a machine ID.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::bus::{self, Manner};
use super::{command, sandbox};

#[path = "../pure/conversions/ignition.rs"]
mod installed;

/// Applies the configuration `$IGNITION_CONFIG_FILE` to the tree `$1`, whose `/usr` is read-only as in an image. `/run`
/// contains nothing of the host. `$2` is the socket of a stand-in for systemd, which Ignition asks for its version.
/// Debian's Ignition sets SELinux labels, which the tree does not have.
const APPLY: &str = r#"
    set -eu
    mount -t tmpfs run /run
    mount --bind -o ro "$1/usr" "$1/usr"
    mkdir -p /run/systemd /run/bin "$1/etc/selinux"
    ln -s "$2" /run/systemd/private
    ln -s /bin/true /run/bin/setfiles
    echo SELINUXTYPE=none > "$1/etc/selinux/config"
    for stage in fetch files; do
        PATH=/run/bin:$PATH /usr/lib/dracut/modules.d/30ignition/ignition \
            --root="$1" --platform=file --stage="$stage" --log-to-stdout
    done
    rm "$1/etc/selinux/config" "$1/etc/machine-id"
"#;

/// Merges the configurations and applies the result to the system in `root`, whose next boot is its first one.
pub fn apply(root: &Path, configs: &[Value]) -> Result<(), String> {
    if !installed::is_installed() {
        return Err("Ignition is not installed (package ignition); `make deps` installs it".to_owned());
    }
    let source = |config: &Value| {
        let encoded = BASE64_STANDARD.encode(installed::readable(config).to_string());
        json!({"source": format!("data:;base64,{encoded}")})
    };
    let sources: Vec<_> = configs.iter().map(source).collect();
    let merged = installed::readable(&json!({"ignition": {"config": {"merge": sources}}}));
    let path = root.with_extension("ign");
    fs::write(&path, merged.to_string()).map_err(|e| format!("failed to write {}: {e}", path.display()))?;
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation=private", "sh", "-c", APPLY, "sh"]).arg(root).arg(systemd());
    let said = command::run(command.env("IGNITION_CONFIG_FILE", path), Duration::from_secs(60));
    let reasons: Vec<_> = said.stdout.lines().filter(|line| line.starts_with("CRITICAL")).collect();
    if said.code != 0 {
        return Err(format!("Ignition fails:\n{}\n{}", reasons.join("\n"), said.stderr));
    }
    // The file contains the time of the run, so two machines may differ in it.
    let result = root.join("etc/.ignition-result.json");
    fs::remove_file(&result).map_err(|e| format!("failed to remove {}: {e}", result.display()))
}

/// Starts a stand-in for systemd once, and returns its socket.
fn systemd() -> &'static Path {
    static SOCKET: OnceLock<PathBuf> = OnceLock::new();
    SOCKET.get_or_init(|| {
        let path = sandbox::machines().join("systemd");
        bus::listen(&path, Manner::Systemd);
        path
    })
}
