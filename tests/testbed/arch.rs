//! The architecture of the machines: that of the host, or emulated arm64 with `TESTBED_ARCH=arm64`.

use std::path::PathBuf;
use std::process::Command;

use super::{PROGRAM, kept};

/// The architecture of the machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arch {
    /// x86-64, with the program as the tests build it.
    Amd64,
    /// 64-bit ARM, with the program that `make release` builds. Only virtual machines support it.
    Arm64,
}

impl Arch {
    /// Returns the architecture of this run.
    pub fn get() -> Self {
        let wanted = std::env::var("TESTBED_ARCH").unwrap_or_default();
        if wanted == "arm64" { Self::Arm64 } else { Self::Amd64 }
    }

    /// Returns the name in Debian.
    pub const fn debian(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// Returns the program to install in an image.
    pub fn program(self) -> PathBuf {
        match self {
            Self::Amd64 => PROGRAM.into(),
            Self::Arm64 => {
                let version = env!("CARGO_PKG_VERSION");
                let name = format!("coreos-cloudinit-{version}-aarch64-unknown-linux-gnu");
                kept::target().join(format!("release-{version}")).join(name)
            }
        }
    }

    /// Returns the name of the QEMU command.
    pub const fn qemu(self) -> &'static str {
        match self {
            Self::Amd64 => "qemu-system-x86_64",
            Self::Arm64 => "qemu-system-aarch64",
        }
    }

    /// Returns the arguments of QEMU for the processor and the board.
    pub const fn board(self) -> &'static [&'static str] {
        match self {
            Self::Amd64 => &["-cpu", "qemu64"],
            Self::Arm64 => &["-machine", "virt", "-cpu", "cortex-a57"],
        }
    }

    /// Returns the device of the kernel console.
    pub const fn console(self) -> &'static str {
        match self {
            Self::Amd64 => "ttyS0",
            Self::Arm64 => "ttyAMA0",
        }
    }

    /// Returns the kind under which something is cached for this architecture.
    pub fn kind(self, what: &str) -> String {
        match self {
            Self::Amd64 => what.to_owned(),
            Self::Arm64 => format!("arm64-{what}"),
        }
    }

    /// Creates a command whose programs have this architecture.
    pub fn command(self, name: &str) -> Command {
        match self {
            Self::Amd64 => Command::new(name),
            Self::Arm64 => {
                let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/testbed/emulate.sh"));
                command.arg(name);
                command
            }
        }
    }
}
