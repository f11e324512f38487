#define LANES 8
#include "scan.h"
#include "conv.h"
