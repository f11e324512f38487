#define LANES 16
#include "scan.h"
#include "conv.h"
