#include <stdio.h>
#include <stdlib.h>

int main(int count, char **arguments)
{
    int number = count == 2 ? atoi(arguments[1]) : 0;
    if (number < 1 || number > 12) {
        fprintf(stderr, "usage: berth 1..12\n");
        return 2;
    }
    printf("berth %d is free\n", number);
    return 0;
}
