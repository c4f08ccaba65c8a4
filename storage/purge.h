#pragma once

#include "rocks.h"
#include "tombstones.h"

namespace auspex::storage {

/// Rewrites the cold blocks that the deletions touch without what was deleted, by one ingested file. Hot blocks are left
/// as they are. Afterwards, once no hot block is older than the deletions, they need not be remembered any more.
/// generation: of the blocks that are written; younger than any other.
Status PurgeCold(Rocks& rocks, const Tombstones& deleted, uint64_t generation);

}  // namespace auspex::storage
