//! Copies of disks at many moments, stored one after the other on another disk.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use rustix::fs::SeekFrom;
use rustix::io::Errno;

/// The place of a copy on the film.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The start, in bytes.
    pub offset: u64,
    /// The length.
    pub size: u64,
}

/// A disk that receives copies of other disks. Holes of these stay holes.
pub struct Film {
    file: File,
    end: u64,
}

impl Film {
    /// Creates a film on the empty disk `disk`.
    pub fn new(disk: &Path) -> io::Result<Self> {
        Ok(Self { file: File::options().write(true).open(disk)?, end: 0 })
    }

    /// Appends a copy of `disk`.
    pub fn take(&mut self, disk: &Path) -> io::Result<Moment> {
        let disk = File::open(disk)?;
        let size = disk.metadata()?.len();
        assert!(self.end + size <= self.file.metadata()?.len(), "the film is full");
        let mut buffer = vec![0; 1 << 20];
        let mut at = 0;
        loop {
            let begin = match rustix::fs::seek(&disk, SeekFrom::Data(at)) {
                Ok(begin) => begin,
                // The rest of the disk is a hole.
                Err(Errno::NXIO) => break,
                Err(error) => return Err(error.into()),
            };
            at = rustix::fs::seek(&disk, SeekFrom::Hole(begin))?;
            let mut from = begin;
            while from < at {
                let length = usize::try_from(at - from).unwrap_or(usize::MAX).min(buffer.len());
                disk.read_exact_at(&mut buffer[..length], from)?;
                self.file.write_all_at(&buffer[..length], self.end + from)?;
                from += length as u64;
            }
        }
        let moment = Moment { offset: self.end, size };
        // Each copy begins at a multiple of a megabyte.
        self.end += size.next_multiple_of(1 << 20);
        Ok(moment)
    }
}
