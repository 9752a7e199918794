#include "packager.h"

const jo_packager *const jo_packagers[JO_PACKAGERS] = {&jo_packager_hls, &jo_packager_dash,
                                                       &jo_packager_mss};
