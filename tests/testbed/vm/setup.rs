//! The parts of a virtual machine: files on its root disk, more disks, a network, kernel parameters.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::Boot;
use super::super::kept::must_run;
use super::super::web::Server;
use super::disk::{self, Format};
use super::image::{How, Image};
use super::machine::Vm;

/// The mount point of the partition of the image's vendor. A slow machine finds its disks later than systemd waits by
/// default.
const OEM: &str = "LABEL=OEM /usr/share/oem ext4 ro,x-systemd.device-timeout=10min 0 0\n";

/// The parts of a virtual machine.
#[derive(Default)]
pub struct Setup {
    root: Boot,
    disks: Vec<(Format, &'static str, Boot)>,
    /// Complete images of more disks.
    images: Vec<PathBuf>,
    scratch: Vec<(Option<Format>, u64)>,
    words: Vec<String>,
    network: Option<String>,
    how: How,
}

impl Setup {
    /// The program is installed from its package.
    #[must_use]
    pub const fn packed(mut self) -> Self {
        self.how = How::Packed;
        self
    }

    /// The program is not installed.
    #[must_use]
    pub const fn absent(mut self) -> Self {
        self.how = How::Absent;
        self
    }

    /// SELinux with Debian's policy, which labels files and only logs what it would deny.
    #[must_use]
    pub fn selinux(mut self) -> Self {
        self.how = How::Labelled;
        self.word("security=selinux").word("enforcing=0")
    }

    /// Returns the image to boot.
    pub(super) fn image(&self) -> Result<&'static Image, String> {
        Image::get(self.how)
    }

    /// Changes the content of the root disk, before the boot.
    #[must_use]
    pub fn root(mut self, change: impl FnOnce(Boot) -> Boot) -> Self {
        self.root = change(self.root);
        self
    }

    /// A file on the root disk, before it boots.
    #[must_use]
    pub fn file(self, path: &str, text: &str) -> Self {
        self.root(|root| root.file(path, text))
    }

    /// An OEM partition with this cloud-config.
    #[must_use]
    pub fn oem(self, config: &str) -> Self {
        self.file("/etc/fstab", OEM).disk(Format::Ext4, "OEM", Boot::default().file("cloud-config.yml", config))
    }

    /// One more disk, from an image that has an OEM partition with ext4.
    #[must_use]
    pub fn oem_image(mut self, image: PathBuf) -> Self {
        self.images.push(image);
        self.file("/etc/fstab", OEM)
    }

    /// One more disk with this label, and with these files.
    #[must_use]
    pub fn disk(mut self, format: Format, label: &'static str, files: Boot) -> Self {
        self.disks.push((format, label, files));
        self
    }

    /// Adds a writable disk of that many megabytes. They are behind all others, in this order.
    #[must_use]
    pub fn scratch(mut self, format: Option<Format>, megabytes: u64) -> Self {
        self.scratch.push((format, megabytes));
        self
    }

    /// A word on the kernel command line.
    #[must_use]
    pub fn word(mut self, word: &str) -> Self {
        self.words.push(word.to_owned());
        self
    }

    /// Adds a network card, with only a DHCP server behind it.
    #[must_use]
    pub fn card(mut self) -> Self {
        self.network = Some("user,model=virtio-net-pci,restrict=on,mac=52:54:00:12:34:56".to_owned());
        self
    }

    /// A network with no way out, in which connections to `place` (`10.0.2.100:80`) lead to this server. The machine
    /// gets its address by DHCP.
    #[must_use]
    pub fn network(mut self, place: &str, server: &Server) -> Self {
        let (address, _) = place.split_once(':').expect("an address and a port");
        let (net, _) = address.rsplit_once('.').expect("an IPv4 address");
        let (_, port) = server.url.rsplit_once(':').expect("a URL with a port");
        self.network = Some(format!(
            "user,model=virtio-net-pci,restrict=on,net={net}.0/24,guestfwd=tcp:{place}-cmd:busybox nc 127.0.0.1 {port}"
        ));
        self
    }

    /// Makes its disks, and boots it until all that starts at boot has started or failed.
    pub fn boot(&self) -> Vm {
        Vm::boot(self).unwrap_or_else(|reason| panic!("the machine does not boot: {reason}"))
    }

    /// Makes its disks, switches it on and waits for nothing.
    pub fn switch_on(&self) -> Vm {
        let vm = Vm::off(self).and_then(|vm| vm.start().map(|()| vm));
        vm.unwrap_or_else(|reason| panic!("the machine cannot be switched on: {reason}"))
    }

    pub(super) fn words(&self) -> &[String] {
        &self.words
    }

    pub(super) fn network_card(&self) -> Option<&str> {
        self.network.as_deref()
    }

    /// The disks that are written to besides the root disk.
    pub(super) fn make_scratch(&self, place: &Path) -> Result<Vec<PathBuf>, String> {
        let disks = self.scratch.iter().enumerate().map(|(number, &(format, megabytes))| {
            let image = place.join(format!("scratch{number}.img"));
            disk::empty(format, &image, megabytes).map(|()| image)
        });
        disks.collect()
    }

    /// The disks besides `/usr`, in the order in which the machine sees them: the root disk first.
    pub(super) fn make_disks(&self, place: &Path) -> Result<(PathBuf, Vec<(Format, PathBuf)>), String> {
        let directory = place.join("root");
        must_run(Command::new("cp").arg("-a").arg(&self.image()?.root).arg(&directory))?;
        self.root.prepare(&directory)?;
        let root = place.join("root.img");
        disk::ext4(&directory, &root, "root", 128)?;
        let _ = fs::remove_dir_all(&directory);
        let mut more = Vec::new();
        for (format, label, files) in &self.disks {
            let directory = place.join(label);
            fs::create_dir_all(&directory).map_err(|e| format!("failed to make {}: {e}", directory.display()))?;
            files.prepare(&directory)?;
            let image = place.join(format!("{label}.img"));
            disk::make(*format, &directory, &image, label)?;
            more.push((*format, image));
        }
        more.extend(self.images.iter().map(|image| (Format::Ext4, image.clone())));
        Ok((root, more))
    }
}
