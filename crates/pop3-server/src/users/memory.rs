//! The memory that Argon2 works in: allocated once, wiped after each check, and used again.

use std::sync::{Mutex, PoisonError};

use argon2::{Argon2, Block};

/// A larger piece is given back to the system after its use: 64 MiB, in blocks of 1 KiB.
const KEPT: usize = 64 * 1024;

/// Pieces of memory that no check uses now. There are as many as checks ran at one time.
static FREE: Mutex<Vec<Vec<Block>>> = Mutex::new(Vec::new());

/// As `Argon2::hash_password_into`, which allocates some 20 MiB for each call. The allocator keeps such
/// pieces and cuts them up, so that many calls on many threads make the process grow for good.
///
/// # Errors
///
/// As that, and [`argon2::Error::OutOfMemory`].
pub(super) fn hash_into(
    argon2: &Argon2<'_>,
    password: &[u8],
    salt: &[u8],
    out: &mut [u8],
) -> argon2::Result<()> {
    let blocks = argon2.params().block_count();
    let mut memory = free().pop().unwrap_or_default();
    if let Some(more) = blocks.checked_sub(memory.len()) {
        memory.try_reserve_exact(more).map_err(|_| argon2::Error::OutOfMemory)?;
        memory.resize(blocks, Block::default());
    }
    let used = memory.get_mut(..blocks).unwrap_or_default();
    let result = argon2.hash_password_into_with_memory(password, salt, out, &mut *used);
    used.fill(Block::default());
    if memory.len() <= KEPT {
        free().push(memory);
    }
    result
}

fn free() -> std::sync::MutexGuard<'static, Vec<Vec<Block>>> {
    // A push and a pop leave nothing half-done when another thread panics.
    FREE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use argon2::{Algorithm, Params, Version};

    use super::*;

    fn argon2(memory: u32) -> Argon2<'static> {
        Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(memory, 1, 1, None).unwrap())
    }

    #[test]
    fn used_memory_gives_the_same_hashes_and_holds_nothing_of_them() {
        for memory in [64, 1024, 8, 333, 1024] {
            let argon2 = argon2(memory);
            let (mut ours, mut theirs) = ([0; 32], [0; 32]);
            hash_into(&argon2, b"password", b"salt of 16 bytes", &mut ours).unwrap();
            argon2.hash_password_into(b"password", b"salt of 16 bytes", &mut theirs).unwrap();
            assert_eq!(ours, theirs);
        }
        let is_wiped = |block: &Block| block.as_ref().iter().all(|word| *word == 0);
        assert!(free().iter().flatten().all(is_wiped));
        assert!(free().iter().all(|memory| memory.len() <= KEPT));
    }

    #[test]
    fn an_error_gives_the_memory_back() {
        let argon2 = argon2(64);
        assert!(hash_into(&argon2, b"password", b"short", &mut [0; 32]).is_err());
        assert!(!free().is_empty());
    }
}
